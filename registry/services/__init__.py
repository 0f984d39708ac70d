"""Changes to what is stored: each one transaction, by somebody, with one event in the trail. One module per noun."""
