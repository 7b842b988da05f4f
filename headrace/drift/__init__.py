"""Whether what models are asked, and what they answer, is still what it was."""
