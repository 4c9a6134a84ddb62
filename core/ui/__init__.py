"""What the pages share in the browser: the current view, navigation, device switch, theme. The only part of core that knows Streamlit."""
