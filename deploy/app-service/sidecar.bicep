// The proxy as a sidecar of an app that is there already, built-in image or container, on App Service for Linux.
//
//   az identity show -g GROUP -n IDENTITY --query id            # and assign it:
//   az webapp identity assign -g GROUP -n SITE --identities ID
//   az webapp config appsettings set -g GROUP -n SITE --settings AZURE_CLIENT_ID=… \
//     AZDB_PROXY_ROUTE='postgres://orders-app@orders.postgres.database.azure.com/orders'
//   az deployment group create -g GROUP -f sidecar.bicep -p siteName=SITE proxyImage=…
//
// An app that runs a container of its own is converted first: az webapp sitecontainers convert --mode sitecontainers.

@description('The app.')
param siteName string

@description('The image of the proxy.')
param proxyImage string = 'registry.example.org/azdb-proxy:0.1.0'

resource site 'Microsoft.Web/sites@2024-04-01' existing = {
  name: siteName
}

resource proxy 'Microsoft.Web/sites/sitecontainers@2024-04-01' = {
  parent: site
  name: 'azdb-proxy'
  properties: {
    image: proxyImage
    isMain: false
    authType: 'Anonymous'
    // Metadata alone: apps reach every port of a sidecar at 127.0.0.1, and nobody else does.
    targetPort: '3306'
    // AZDB_PROXY_ROUTE, AZURE_CLIENT_ID and what App Service says of the identity come this way.
    inheritAppSettingsAndConnectionStrings: true
  }
}
