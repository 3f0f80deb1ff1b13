"""An app on mysqlclient, which is libmariadb."""

import MySQLdb
import MySQLdb.release
from dialects import MySql
from story import CA, Story


class MySqlClient(MySql, Story):
    module = MySQLdb

    def version(self):
        return f"mysqlclient {MySQLdb.release.__version__}, libmariadb {MySQLdb.get_client_info()}"

    def tls(self, mode):
        match mode:
            case "default":
                return {}
            case "off":
                return dict(ssl_mode="DISABLED")
            case "asks" | "trusting":
                return dict(ssl_mode="REQUIRED")
            case "verified":
                # Not `localhost`, which is a socket file to it.
                return dict(ssl_mode="VERIFY_IDENTITY", ssl=dict(ca=CA), host="127.0.0.1")


if __name__ == "__main__":
    MySqlClient().tell()
