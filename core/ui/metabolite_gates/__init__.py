"""One metabolite and its gates in all its reactions: each module draws one part of the page."""
