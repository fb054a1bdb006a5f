"""The same, but as the original does it."""

from apig_wsgi import make_lambda_handler
from original import application

handler = make_lambda_handler(application)
