"""The RNA page's parts: each draws one part of the page and changes the view through :mod:`core.ui.state`."""
