"""Tables: what stands in a cell, a row and a column, in a terminal and in files."""
