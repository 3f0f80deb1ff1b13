"""An app on the driver of the first argument, with the settings of the second. It prints the number of products."""

import ast
import importlib
import sys

driver, settings = sys.argv[1:]


def by_django():
    import django
    from django.conf import settings as configured

    configured.configure(DATABASES={"default": ast.literal_eval(settings.strip())})
    django.setup()
    from django.db import connection

    return connection


def by_driver():
    module = importlib.import_module(driver)
    if "=" in settings and "'" in settings:
        return module.connect(**eval(f"dict({settings})", {}))  # the page has them as arguments
    # Microsoft's package is its ODBC driver, which no string names then.
    return module.connect(settings.partition("};")[2] if driver == "mssql_python" else settings)


connection = by_django() if driver == "django" else by_driver()
cursor = connection.cursor()
cursor.execute("select count(*) from products")
print(cursor.fetchone()[0])
