// the AWS SDK's reminder of Node.js 20's age is for us, not for those who run Mercato
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
