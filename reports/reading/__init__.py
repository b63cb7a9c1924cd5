"""The seam to stored runs: run folders in, frozen values out."""
