"""What people and programs write: how it is read (`reading`), and written for a spreadsheet (`spreadsheets`)."""
