"""A model of your own: it makes a picture of a prompt."""
