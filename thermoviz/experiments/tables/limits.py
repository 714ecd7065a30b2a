"""How much a table may hold. What is larger is refused before it is read."""

MIB = 2**20
MOST_BYTES = 20 * MIB  # of a file
MOST_EXPANDED = 64 * MIB  # of what a compressed file says that it holds
MOST_ROWS = 50_000
MOST_COLUMNS = 64
MOST_LETTERS = 200  # of a word in a cell
MOST_OF_A_NAME = 60  # letters of a column's name
MOST_WORDS = 20  # of a column of words among the inputs: each becomes an input of its own
MOST_INPUTS = 128  # of a network
MOST_CLASSES = 50
FEWEST_ROWS = 8
