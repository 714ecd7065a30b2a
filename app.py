"""For `streamlit run app.py` in a checkout: the app of the package."""

if __name__ == "app":  # see thermoviz/dashboard/serving/app.py
    import streamlit as st

    from thermoviz.dashboard.front.server import middleware
    from thermoviz.dashboard.serving import APP
    from thermoviz.engine.worker import compile_beside

    compile_beside()
    app = st.App(APP, middleware=middleware())
