"""Numbers in, figures out: plotly figures, network drawings as data, SVG and standalone pages; nothing here knows of streamlit."""
