"""The embedded world: procedural scenes with exact truth, their detector and their feature net."""
