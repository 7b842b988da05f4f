"""The playground: a page to try models on."""
