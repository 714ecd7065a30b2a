"""Still pictures without a browser: our figures, plain dictionaries in Plotly's words, drawn by matplotlib.

Only the words that our figures use are known; a figure with others is refused, not drawn wrongly.
"""
