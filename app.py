"""The dashboard: the ordered list of its pages. Start it with `make run`, or `streamlit run app.py`."""

if __name__ == "__main__":  # worker processes import this file again, under another name
    import streamlit as st

    from thermoviz.dashboard.house import open_house, settle

    open_house()
    st.navigation([
        st.Page("thermoviz/dashboard/pages/landscape.py", title="Landscape", default=True),
        st.Page("thermoviz/dashboard/pages/volume_or_depth.py", title="Volume or depth"),
        st.Page("thermoviz/dashboard/pages/second_law.py", title="Second law"),
        st.Page("thermoviz/dashboard/pages/crystal_or_glass.py", title="Crystal or glass"),
        st.Page("thermoviz/dashboard/pages/about.py", title="About"),
    ], position="top").run()
    settle()
