"""What laws and the account ask of a job's messages: whose rules bind it, and how often a person is written to."""
