"""The dashboard: the ordered list of its pages. Start it with `make run`, or `streamlit run app.py`."""

if __name__ == "app":  # the server imports this file once, before it runs it for every visitor
    import streamlit as st
    from starlette.middleware import Middleware

    from thermoviz.dashboard.addresses import BeginAtFirstPage

    app = st.App(__file__, middleware=[Middleware(BeginAtFirstPage)])

if __name__ == "__main__":  # worker processes import this file again, under another name
    import streamlit as st

    from thermoviz.dashboard.house import follow_link, leave_others, open_house, settle

    open_house()
    pages = [
        st.Page("thermoviz/dashboard/pages/landscape.py", title="Landscape", default=True),
        st.Page("thermoviz/dashboard/pages/heat_bath.py", title="Heat bath"),
        st.Page("thermoviz/dashboard/pages/interactions.py", title="Interactions"),
        st.Page("thermoviz/dashboard/pages/volume_or_depth.py", title="Volume or depth"),
        st.Page("thermoviz/dashboard/pages/second_law.py", title="Second law"),
        st.Page("thermoviz/dashboard/pages/equilibrium.py", title="Equilibrium"),
        st.Page("thermoviz/dashboard/pages/crystal_or_glass.py", title="Crystal or glass"),
        st.Page("thermoviz/dashboard/pages/about.py", title="About"),
    ]
    page = st.navigation(pages, position="top")
    follow_link(page, pages)
    leave_others(page)
    page.run()
    settle()
