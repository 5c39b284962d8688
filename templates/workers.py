"""The workers that are emitted. Another team's worker is another constant here."""

from workerstack.specification import ImportedQueue, OwnQueue, Secret, Step, Worker, Workspace

EDIT = Worker(
    name="webordinary-edit",
    description="The webordinary edit worker: processes messages, serves no HTTP.",
    image_repository="webordinary/claude-code-astro",
    queue=ImportedQueue(name="webordinary-email-queue"),
    steps=(
        Step(upper=0, change=-1),
        Step(lower=1, change=+1),
        Step(lower=10, change=+2),
    ),
    max_tasks=5,
    cpu=2048,
    memory=4096,
    environment={
        "NODE_ENV": "production",
        "LOG_LEVEL": "info",
        "WORKSPACE_PATH": "/workspace",
        "EFS_MOUNT_PATH": "/workspace",
        "S3_BUCKET_PREFIX": "edit",
        "S3_BUCKET_SUFFIX": "webordinary.com",
    },
    secrets=(
        Secret(
            variable="GITHUB_TOKEN",
            parameter="GitHubTokenSecretArn",
            name="webordinary/github-token",
        ),
    ),
    workspace=Workspace(mount_path="/workspace"),
    buckets=("edit.*.webordinary.com",),
    sets_object_acls=True,
    log_group="/ecs/webordinary/edit",
    log_stream_prefix="edit-service",
    protection="none",
    unprotected="the container does not protect its task yet; a job that is stopped starts again",
)

THUMBNAILS = Worker(
    name="thumbnails",
    description="The example of your own worker: resizes pictures, owns its queue.",
    image_repository="example/thumbnails",
    queue=OwnQueue(visibility_timeout=600, max_receive_count=3),
    steps=(
        Step(upper=0, change=-1),
        Step(lower=1, change=+1),
        Step(lower=100, change=+4),
    ),
    buckets=("example-thumbnails",),
    user="1000:1000",
    read_only_root=True,
    scratch_paths=("/tmp",),
    protection="none",
    unprotected="a picture takes seconds, and the stop timeout is two minutes",
)

ALL = (EDIT, THUMBNAILS)
