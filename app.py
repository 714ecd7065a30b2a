"""The dashboard: the pages of the menu. Start it with `make run`, or `streamlit run app.py`."""

if __name__ == "app":  # the server imports this file once, before it runs it for every visitor
    import streamlit as st

    from thermoviz.dashboard.server import middleware

    app = st.App(__file__, middleware=middleware())

if __name__ == "__main__":  # worker processes import this file again, under another name
    import streamlit as st

    from thermoviz.dashboard.chrome import follow_link, go_back, leave_others, open_house, settle
    from thermoviz.dashboard.menu import FIRST, MENU

    pages = [st.Page(page.script, title=page.menu, default=page is FIRST) for page in MENU.values()]
    page = st.navigation(pages, position="top")
    go_back(page)
    open_house(page)
    follow_link(page, pages)
    leave_others(page)
    page.run()
    settle()
