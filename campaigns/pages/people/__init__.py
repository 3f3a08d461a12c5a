"""The admin's pages of people: contacts, their labels, attributes and files, and what they write."""
