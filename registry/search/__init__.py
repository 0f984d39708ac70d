"""Search over everything: what can be found (pieces), how words are compared (words), what is asked (question),
which stretch of a text answers it (fragments), and the search itself (finder). All but the finder know no Django."""
