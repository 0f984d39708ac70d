"""Groenmarkt, an online grocer with vans of its own: a landscape to try everything on. Everything in it is made up."""
