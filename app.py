"""For `streamlit run app.py` in a checkout: the app of the package."""

if __name__ == "app":  # see thermoviz/dashboard/serving/app.py
    import streamlit as st

    from thermoviz.dashboard.front.server import around
    from thermoviz.dashboard.serving import APP

    app = st.App(APP, **around())
