// The CDK application of the edit service as it was before the change: it served HTTP.
// What the CDK made of it, byte for byte, is cdk-web-service.template.json beside it. With Node:
//   npm install aws-cdk-lib@2.276.0 constructs@10
//   node cdk-web-service.js FOLDER   writes FOLDER/WebordinaryEditStack.template.json
const cdk = require('aws-cdk-lib');
const ec2 = require('aws-cdk-lib/aws-ec2');
const ecr = require('aws-cdk-lib/aws-ecr');
const ecs = require('aws-cdk-lib/aws-ecs');
const efs = require('aws-cdk-lib/aws-efs');
const elbv2 = require('aws-cdk-lib/aws-elasticloadbalancingv2');
const iam = require('aws-cdk-lib/aws-iam');
const logs = require('aws-cdk-lib/aws-logs');
const secretsmanager = require('aws-cdk-lib/aws-secretsmanager');
const sqs = require('aws-cdk-lib/aws-sqs');

const PORT = 8080;

class WebordinaryEditStack extends cdk.Stack {
  constructor(scope, id, props) {
    super(scope, id, props);

    const vpc = ec2.Vpc.fromVpcAttributes(this, 'Vpc', {
      vpcId: 'vpc-0a1b2c3d4e5f60718',
      vpcCidrBlock: '10.20.0.0/16',
      availabilityZones: ['us-west-2a', 'us-west-2b'],
      publicSubnetIds: ['subnet-0a1b2c3d4e5f60001', 'subnet-0a1b2c3d4e5f60002'],
      publicSubnetRouteTableIds: ['rtb-0a1b2c3d4e5f60001', 'rtb-0a1b2c3d4e5f60002'],
    });
    const fileSystem = efs.FileSystem.fromFileSystemAttributes(this, 'Workspace', {
      fileSystemId: 'fs-0a1b2c3d4e5f60718',
      securityGroup: ec2.SecurityGroup.fromSecurityGroupId(
        this, 'WorkspaceSecurityGroup', 'sg-0a1b2c3d4e5f60718'),
    });
    const listener = elbv2.ApplicationListener.fromApplicationListenerAttributes(this, 'Listener', {
      listenerArn: 'arn:aws:elasticloadbalancing:us-west-2:111122223333:'
        + 'listener/app/webordinary/50dc6c495c0c9188/f2f7dc8efc522ab2',
      securityGroup: ec2.SecurityGroup.fromSecurityGroupId(
        this, 'ListenerSecurityGroup', 'sg-0a1b2c3d4e5f60b00'),
    });
    const queue = sqs.Queue.fromQueueArn(
      this, 'EmailQueue', 'arn:aws:sqs:us-west-2:111122223333:webordinary-email-queue');
    const token = secretsmanager.Secret.fromSecretCompleteArn(this, 'GitHubToken',
      'arn:aws:secretsmanager:us-west-2:111122223333:secret:webordinary/github-token-AbCdEf');
    const repository = ecr.Repository.fromRepositoryName(
      this, 'Repository', 'webordinary/claude-code-astro');

    const cluster = new ecs.Cluster(this, 'EditCluster', {
      clusterName: 'webordinary-edit-cluster',
      vpc,
      defaultCloudMapNamespace: { name: 'webordinary.local' },
    });
    const logGroup = new logs.LogGroup(this, 'EditLogGroup', {
      logGroupName: '/ecs/webordinary/edit',
      retention: logs.RetentionDays.ONE_WEEK,
      removalPolicy: cdk.RemovalPolicy.RETAIN,
    });

    const task = new ecs.FargateTaskDefinition(this, 'EditTask', {
      family: 'webordinary-edit-task',
      cpu: 2048,
      memoryLimitMiB: 4096,
      runtimePlatform: {
        cpuArchitecture: ecs.CpuArchitecture.X86_64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
      volumes: [{
        name: 'workspace',
        efsVolumeConfiguration: {
          fileSystemId: fileSystem.fileSystemId,
          transitEncryption: 'ENABLED',
          authorizationConfig: { accessPointId: 'fsap-0a1b2c3d4e5f60718', iam: 'ENABLED' },
        },
      }],
    });
    task.addContainer('webordinary-edit', {
      image: ecs.ContainerImage.fromEcrRepository(repository, 'latest'),
      portMappings: [{ containerPort: PORT }],
      healthCheck: {
        command: ['CMD-SHELL', `curl -f http://localhost:${PORT}/health || exit 1`],
        startPeriod: cdk.Duration.seconds(60),
      },
      environment: {
        NODE_ENV: 'production',
        PORT: `${PORT}`,
        LOG_LEVEL: 'info',
        WORKSPACE_PATH: '/workspace',
        EFS_MOUNT_PATH: '/workspace',
        S3_BUCKET_PREFIX: 'edit',
        S3_BUCKET_SUFFIX: 'webordinary.com',
        QUEUE_URL: queue.queueUrl,
      },
      secrets: { GITHUB_TOKEN: ecs.Secret.fromSecretsManager(token) },
      logging: ecs.LogDrivers.awsLogs({ logGroup, streamPrefix: 'edit-service' }),
    }).addMountPoints(
      { sourceVolume: 'workspace', containerPath: '/workspace', readOnly: false });

    queue.grantConsumeMessages(task.taskRole);
    fileSystem.grantReadWrite(task.taskRole);
    task.addToTaskRolePolicy(new iam.PolicyStatement({
      actions: ['s3:DeleteObject', 's3:GetBucketLocation', 's3:GetObject', 's3:ListBucket',
        's3:PutObject', 's3:PutObjectAcl'],
      resources: ['arn:aws:s3:::edit.*.webordinary.com', 'arn:aws:s3:::edit.*.webordinary.com/*'],
    }));

    const service = new ecs.FargateService(this, 'EditService', {
      serviceName: 'webordinary-edit-service',
      cluster,
      taskDefinition: task,
      desiredCount: 1,
      assignPublicIp: true,
      vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC },
      healthCheckGracePeriod: cdk.Duration.seconds(60),
      circuitBreaker: { rollback: true },
      minHealthyPercent: 50,
      cloudMapOptions: { name: 'edit' },
    });
    service.connections.allowFrom(
      ec2.Peer.ipv4(vpc.vpcCidrBlock), ec2.Port.tcp(PORT), 'HTTP from inside the VPC');
    fileSystem.connections.allowDefaultPortFrom(service, 'EFS access from containers');

    const targetGroup = new elbv2.ApplicationTargetGroup(this, 'EditTargetGroup', {
      vpc,
      port: PORT,
      protocol: elbv2.ApplicationProtocol.HTTP,
      targets: [service],
      healthCheck: { path: '/health' },
    });
    listener.addTargetGroups('EditRule', {
      targetGroups: [targetGroup],
      priority: 10,
      conditions: [elbv2.ListenerCondition.hostHeaders(['edit.webordinary.com'])],
    });

    const scaling = service.autoScaleTaskCount({ minCapacity: 1, maxCapacity: 5 });
    scaling.scaleOnCpuUtilization('CpuScaling', { targetUtilizationPercent: 70 });
    scaling.scaleOnMemoryUtilization('MemoryScaling', { targetUtilizationPercent: 80 });
    scaling.scaleOnRequestCount('RequestScaling', { requestsPerTarget: 1000, targetGroup });
    scaling.scaleOnMetric('QueueScaling', {
      metric: queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Average' }),
      scalingSteps: [{ upper: 0, change: -1 }, { lower: 1, change: +1 }, { lower: 10, change: +2 }],
      cooldown: cdk.Duration.minutes(5),
      adjustmentType: cdk.aws_applicationautoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
    });

    new cdk.CfnOutput(this, 'ClusterName', {
      value: cluster.clusterName, exportName: 'WebordinaryEditClusterName' });
    new cdk.CfnOutput(this, 'ServiceName', { value: service.serviceName });
    new cdk.CfnOutput(this, 'EditUrl', { value: 'http://edit.webordinary.com' });
  }
}

const app = new cdk.App({
  outdir: process.argv[2],
  analyticsReporting: true,
  postCliContext: {
    'aws:cdk:enable-path-metadata': true,
    '@aws-cdk/aws-ecs:enableImdsBlockingDeprecatedFeature': false,
    '@aws-cdk/aws-ecs:reduceEc2FargateCloudWatchPermissions': true,
    '@aws-cdk/aws-ecs:removeDefaultDeploymentAlarm': true,
    '@aws-cdk/aws-iam:minimizePolicies': true,
    '@aws-cdk/aws-efs:denyAnonymousAccess': true,
    '@aws-cdk/core:stackRelativeExports': true,
    '@aws-cdk/core:target-partitions': ['aws', 'aws-cn'],
  },
});
new WebordinaryEditStack(app, 'WebordinaryEditStack', {
  stackName: 'webordinary-edit',
  description: 'The webordinary edit service, serving HTTP.',
  env: { account: '111122223333', region: 'us-west-2' },
  tags: { Environment: 'dev' },
});
app.synth();
