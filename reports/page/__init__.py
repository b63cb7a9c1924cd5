"""The page: tables, figures, pictures and sentences in one HTML file."""
