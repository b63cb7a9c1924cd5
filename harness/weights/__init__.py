"""Where weights lie and how they are opened, whole or not at all: our checkpoints, published files, hub folders."""
