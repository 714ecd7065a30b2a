"""Parts of the page "Compare": who is compared and how one is chosen (`sides`), and the tables (`tables`)."""
