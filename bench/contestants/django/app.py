"""Django REST Framework in a Lambda, behind apig-wsgi."""

from apig_wsgi import make_lambda_handler
from project import application

handler = make_lambda_handler(application)
