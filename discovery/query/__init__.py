"""What is asked, in words that no engine owns."""
