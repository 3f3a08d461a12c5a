"""What a phone number is: as it is written, by its country's plan, which country's, and the key of its person."""
