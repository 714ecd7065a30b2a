"""Two runs side by side: in what their settings and their numbers differ (`differences`), on which heights and at which
heat both can be drawn and whether one plane can hold both (`common`), and the two of them as one object (`pair`).
"""
