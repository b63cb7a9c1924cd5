"""Who may be compared with whom, who is best, and whom the data do not tell apart."""
