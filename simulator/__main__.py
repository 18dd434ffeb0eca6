"""`python -m simulator`."""

from simulator.campaign import app

if __name__ == "__main__":
    app()
