"""What components are, how they are declared, registered and found, and what is kept of them."""
