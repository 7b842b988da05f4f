"""The page at `/dashboard`: what a server does and has done; and the facts that only this page needs."""
