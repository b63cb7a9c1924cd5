"""A task of your own: what is asked, how it is asked, and the metric that judges it."""
