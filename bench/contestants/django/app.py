"""Django REST Framework in a Lambda, behind apig-wsgi. Its database is SQLite in a folder of the machine: not durable."""

from apig_wsgi import make_lambda_handler
from project import application

handler = make_lambda_handler(application)
