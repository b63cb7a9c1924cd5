"""The same stored pictures scored by every published convention, so that the spread is seen."""
