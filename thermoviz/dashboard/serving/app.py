"""The dashboard: the pages of the menu. Start it with `make run`, `thermoviz serve`, or `streamlit run app.py`."""

if __name__ == "app":  # the server imports this file once, before it runs it for every visitor
    import streamlit as st

    from thermoviz.dashboard.front.server import around

    app = st.App(__file__, **around())

if __name__ == "__main__":  # worker processes import this file again, under another name
    from thermoviz.dashboard.chrome import draw

    draw()
