"""A metric of your own, of what runs have stored."""
