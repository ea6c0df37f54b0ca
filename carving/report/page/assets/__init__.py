"""What the page is made of, and where the one part that is not ours comes from."""
