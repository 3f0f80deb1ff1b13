// WordPress on App Service's own PHP image, and its MySQL without a secret: docs/wordpress.md tells the whole story.
//
//   az deployment group create -g GROUP -f wordpress.bicep -p siteName=… planName=… identityName=… mysqlServer=… proxyImage=…

@description('The app, which is made: SITE.azurewebsites.net.')
param siteName string = 'shop'

@description('An existing App Service plan for Linux.')
param planName string

@description('An existing user-assigned identity, which is an AADUSER of the database, by its name, and no administrator.')
param identityName string = 'shop-app'

@description('An existing Azure Database for MySQL flexible server.')
param mysqlServer string = 'shop'

@description('The image of the proxy.')
param proxyImage string = 'registry.example.org/azdb-proxy:0.1.0'

resource plan 'Microsoft.Web/serverfarms@2024-04-01' existing = {
  name: planName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: identityName
}

resource site 'Microsoft.Web/sites@2024-04-01' = {
  name: siteName
  location: resourceGroup().location
  kind: 'app,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    siteConfig: {
      linuxFxVersion: 'PHP|8.3'
      // Without it the app, and the proxy with it, sleep when nobody comes.
      alwaysOn: true
      appSettings: [
        {
          name: 'AZDB_PROXY_ROUTE'
          value: 'mysql://${identityName}@${mysqlServer}.mysql.database.azure.com/wordpress'
        }
        {
          name: 'AZURE_CLIENT_ID'
          value: identity.properties.clientId
        }
        // What wp-config.php reads. Any user and any password do; these are in nobody's way.
        {
          name: 'DATABASE_HOST'
          value: '127.0.0.1'
        }
        {
          name: 'DATABASE_NAME'
          value: 'wordpress'
        }
        {
          name: 'DATABASE_USERNAME'
          value: 'wordpress'
        }
        {
          name: 'DATABASE_PASSWORD'
          value: 'none-needed'
        }
      ]
    }
  }
}

module proxy 'sidecar.bicep' = {
  name: 'azdb-proxy'
  params: {
    siteName: site.name
    proxyImage: proxyImage
  }
}
