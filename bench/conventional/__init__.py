"""The same three calls as most people would build them: FastAPI, SQLAlchemy ORM, pydantic. Honestly written."""
