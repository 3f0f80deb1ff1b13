// An app on Azure Container Apps with the proxy beside it. Containers of a replica share 127.0.0.1.
//
//   az deployment group create -g GROUP -f main.bicep -p environmentName=… identityName=… appImage=… proxyImage=…

@description('An existing environment of Container Apps.')
param environmentName string

@description('An existing user-assigned identity, which has a principal in the database.')
param identityName string

@description('The image of the app.')
param appImage string = 'registry.example.org/orders:1.0.0'

@description('The image of the proxy.')
param proxyImage string = 'registry.example.org/azdb-proxy:0.1.0'

@description('The database, and the name that it knows the identity by.')
param route string = 'postgres://orders-app@orders.postgres.database.azure.com/orders'

resource environment 'Microsoft.App/managedEnvironments@2025-01-01' existing = {
  name: environmentName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: identityName
}

resource app 'Microsoft.App/containerApps@2025-01-01' = {
  name: 'orders'
  location: resourceGroup().location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    configuration: {
      ingress: {
        external: true
        targetPort: 8080
      }
      // Init containers need no token, so they get none. An identity that is set to Init or None gives the proxy nothing.
      identitySettings: [
        {
          identity: identity.id
          lifecycle: 'Main'
        }
      ]
    }
    template: {
      // More than the proxy's max_sigterm_delay.
      terminationGracePeriodSeconds: 30
      containers: [
        {
          name: 'orders'
          image: appImage
          env: [
            {
              name: 'DATABASE_URL'
              value: 'postgres://anyone@127.0.0.1:5432/orders'
            }
          ]
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          probes: [
            {
              type: 'Readiness'
              httpGet: {
                path: '/health'
                port: 8080
              }
            }
          ]
        }
        {
          name: 'azdb-proxy'
          image: proxyImage
          env: [
            {
              name: 'AZDB_PROXY_ROUTE'
              value: route
            }
            {
              name: 'AZDB_PROXY_HEALTH_LISTEN'
              value: '0.0.0.0:9090'
            }
            {
              name: 'AZURE_CLIENT_ID'
              value: identity.properties.clientId
            }
          ]
          resources: {
            cpu: json('0.25')
            memory: '0.5Gi'
          }
          probes: [
            {
              type: 'Startup'
              httpGet: {
                path: '/startup'
                port: 9090
              }
              periodSeconds: 2
              failureThreshold: 10
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/readiness'
                port: 9090
              }
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/liveness'
                port: 9090
              }
              periodSeconds: 30
              timeoutSeconds: 5
            }
          ]
          volumeMounts: [
            {
              volumeName: 'azdb-proxy'
              mountPath: '/state'
            }
          ]
        }
      ]
      scale: {
        minReplicas: 1
        maxReplicas: 4
      }
      volumes: [
        {
          name: 'azdb-proxy'
          storageType: 'EmptyDir'
        }
      ]
    }
  }
}
