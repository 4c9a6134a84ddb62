"""The page of two conditions: each module draws one part of it and changes the view through :mod:`core.ui.state`."""
