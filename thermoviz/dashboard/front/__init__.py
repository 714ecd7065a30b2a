"""What a browser meets before Streamlit: addresses, the first document, compressed files. Put there by `middleware`."""
