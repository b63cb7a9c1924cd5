"""Image editing by instruction: sessions of edits on world scenes, their judge and the two tasks."""
