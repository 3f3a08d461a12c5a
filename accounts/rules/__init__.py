"""What binds an account's commercial messages: the rules of countries, and how often a person is written to. Pure."""
