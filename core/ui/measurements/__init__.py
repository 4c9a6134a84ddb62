"""The page of measurements: each module draws one part of it and changes the view through :mod:`core.ui.state`."""
